package cm

// Variant is a variant value in Go terms: the case's name, and its payload or nil.
type Variant struct {
	Case  string
	Value any
}
