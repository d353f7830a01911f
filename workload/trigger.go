package workload

// TriggerType describes one type of trigger to what reads, writes and checks workloads: package app makes of it the trigger's part
// of the manifest and of its schema. It is plain data, and needs nothing of what serves the events.
type TriggerType struct {
	// Name is the key in the manifest, TriggerSpec.Type, and Type of the host's trigger.
	Name string
	// Doc describes it in the schema, in a sentence.
	Doc string
	// Later says that this version has the type in its format, and serves it not yet.
	Later bool

	// Config is the zero value of what TriggerSpec.Config is: a struct whose exported fields have a yaml tag with the key; further
	// tags are required ("true": the key must be there), doc (for the schema), enum ("a|b"), min and max, later ("*": read,
	// offered nowhere) and secret ("true": in no error). Fields are texts, booleans, whole numbers (int), time.Duration,
	// and lists, maps by text and structs of these; none has the key component, which every trigger has. Nil: there is no config.
	Config any

	// ComponentDoc describes for the schema what the component is to the trigger.
	ComponentDoc string

	// Alone is the Config with which events reach a component that is started without a manifest; nil: none of this type do.
	Alone any

	// Check finds what is wrong with the triggers of this type in one workload, which types alone do not tell: ts are all of
	// them, Config of each is of Config's type, and may lack what is wrong in other ways. Nil: nothing is looked for.
	Check func(ts []TriggerSpec) []TriggerMistake
}

// TriggerMistake is one thing that is wrong with a trigger.
type TriggerMistake struct {
	Trigger int    // index in what Check was given
	Key     string // in Config: path; empty: the trigger as a whole
	Problem string // what is wrong and what is wanted
}
