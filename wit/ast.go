package wit

// file is the syntax of one source.
type file struct {
	src    *Source
	pkg    *packageDecl // nil when the file does not name its package
	items  items
	nested []*nestedPackage
}

// packageDecl is "package ns:name@version".
type packageDecl struct {
	pos               pos
	docs              string
	ns, name, version string
}

// nestedPackage is "package ns:name { … }".
type nestedPackage struct {
	decl  packageDecl
	items items
}

// items are what a package's text declares, in one file or one pair of braces.
type items struct {
	uses   []topUse
	ifaces []*ifaceDecl
	worlds []*worldDecl
}

// topUse is "use path as name" at the top of a file.
type topUse struct {
	path usePath
	as   string
}

// usePath names an interface or a world: in full, or by a bare name when ns is empty.
type usePath struct {
	pos           pos
	ns, pkg, name string
	version       string
}

// head is what every item may begin with.
type head struct {
	pos      pos
	docs     string
	gate     Gate
	external string
}

// ifaceDecl is an interface; an inline one of a world is named after its import or export.
type ifaceDecl struct {
	head
	name  string
	uses  []useDecl
	types []*typeDecl
	funcs []*funcDecl
}

// useDecl is "use path.{a, b as c}".
type useDecl struct {
	head
	path  usePath
	names []useName
}

type useName struct {
	pos      pos
	name, as string
}

// typeDecl declares a named type; order interleaves it with uses.
type typeDecl struct {
	head
	kind   Kind
	name   string
	fields []fieldDecl // record, variant, enum, flags
	alias  *typeExpr   // alias
	funcs  []*funcDecl // resource
}

// fieldDecl is a field, case, label or parameter; typ may be nil.
type fieldDecl struct {
	pos  pos
	docs string
	name string
	typ  *typeExpr
}

// funcDecl is a function.
type funcDecl struct {
	head
	name   string
	kind   FuncKind
	async  bool
	params []fieldDecl
	result *typeExpr
}

// typeExpr is a type where one is used: a name, or a built-in with its arguments.
type typeExpr struct {
	pos  pos
	kind Kind        // 0 for a name
	name string      // of a named type; also that in own<> and borrow<>
	args []*typeExpr // nil entries stand for "_"
	len  uint32
}

// worldDecl is a world.
type worldDecl struct {
	head
	name     string
	uses     []useDecl
	types    []*typeDecl
	externs  []externDecl
	includes []includeDecl
}

// externDecl is an import or export.
type externDecl struct {
	head
	export bool
	name   string   // plain name; empty when path stands alone
	path   *usePath // one of path, fn, iface
	fn     *funcDecl
	iface  *ifaceDecl
}

// includeDecl is "include path with { a as b }".
type includeDecl struct {
	head
	path usePath
	with []Rename
}
