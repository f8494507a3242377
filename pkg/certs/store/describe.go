package store

// Description is a family in words, for documentation and reports.
type Description struct {
	Name, Title string
	// Proofs are files one of which proves the family; IDs are the words of os-release that are asked when no file proves any.
	Proofs, IDs []string
	// Anchors is where single certificates are put, "" for families that have no such place; Bundles and Directories are what a program reads.
	Anchors              string
	Bundles, Directories []string
	// Modelled is Family.Modelled.
	Modelled string
}

// Describe is the family in words.
func (f Family) Describe() Description {
	d := Description{Name: f.Name, Title: f.Title, IDs: f.ids, Anchors: f.anchors.dir, Modelled: f.Modelled}
	for _, group := range f.proof {
		d.Proofs = append(d.Proofs, group[0])
	}
	for _, b := range f.bundles {
		d.Bundles = append(d.Bundles, b.Path)
	}
	for _, l := range f.links {
		d.Directories = append(d.Directories, l.dir)
	}
	return d
}
