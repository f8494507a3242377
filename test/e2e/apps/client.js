// Asks for a URL by the proxy of its environment and says what came of it.
const http = require('http'), tls = require('tls'), { URL } = require('url');
const url = new URL(process.argv[2]), proxy = new URL(process.env.HTTPS_PROXY);
const done = (text, status) => { console.log(text); process.exit(status); };
http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: url.host })
  .on('connect', (_, socket) => {
    tls.connect({ socket, servername: url.hostname }, () => done('trusted', 0)).on('error', (e) => done(e.code, 1));
  })
  .on('error', (e) => done(e.code, 1))
  .end();
