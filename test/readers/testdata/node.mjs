// Asks Node's own http and https modules and its fetch which host they connect to. Reads JSON lines {"vars": [[name, value]...], "url": ...}; answers
// {"node": host, "fetch": host} with the host of the first connection that would have been opened. None is: every socket is stopped before it connects.
import { createRequire } from 'node:module'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import readline from 'node:readline'

const require = createRequire(import.meta.url)
const { EnvHttpProxyAgent } = require('internal/deps/undici/undici') // with --expose-internals: what NODE_USE_ENV_PROXY=1 makes fetch use

let seen = null
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0]
  seen ??= options.host
  queueMicrotask(() => this.destroy(new Error('stopped')))
  return this
}

function askModule (url, env) {
  return new Promise((resolve) => {
    seen = null
    const module = url.startsWith('https:') ? https : http
    let agent
    try {
      agent = new module.Agent({ proxyEnv: env })
    } catch {
      resolve('fails')
      return
    }
    const request = module.get(url, { agent })
    request.on('error', () => resolve(seen))
  })
}

async function askFetch (url, env) {
  seen = null
  let dispatcher
  try {
    dispatcher = new EnvHttpProxyAgent()
  } catch {
    return 'fails'
  }
  await fetch(url, { dispatcher }).catch(() => {})
  return seen
}

const names = new Set()
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { vars, url } = JSON.parse(line)
  for (const name of names) delete process.env[name]
  names.clear()
  for (const [name, value] of vars) {
    process.env[name] = value
    names.add(name)
  }
  const env = Object.fromEntries(vars)
  console.log(JSON.stringify({ node: await askModule(url, env), fetch: await askFetch(url, env) }))
}
