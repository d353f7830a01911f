package workload

// TriggerType describes one type of trigger to readers, writers and checkers of workloads: package app makes the trigger's part of
// the manifest and of its schema from it. It is plain data, and independent of the trigger's implementation.
type TriggerType struct {
	// Name is the key in the manifest, TriggerSpec.Type, and Type of the host's trigger.
	Name string
	// Doc describes it in the schema, in a sentence.
	Doc string
	// Reserved says that the format has the type and this version does not support it yet.
	Reserved bool

	// Config is the zero value of TriggerSpec.Config's type: a struct whose exported fields have a yaml tag with the key. Further
	// tags are required ("true": the key must be present), doc (for the schema), enum ("a|b"), min and max, reserved ("*": not supported yet,
	// absent from messages, and in the schema an empty list at most) path ("true": a text that names a file or folder, from the manifest's folder), reaches ("true": a text, or texts, with what
	// is outside the workload, such as a server's address) and secret ("true": never in an error). Fields are strings, bools, ints,
	// time.Duration, and slices, maps by string and structs of these; the keys component and chain are not for it. Nil: there is no
	// config.
	Config any

	// Chains says that events can pass through other components first: the trigger has the key chain, for TriggerSpec.Chain.
	Chains bool

	// ComponentDoc describes the trigger's key component in the schema.
	ComponentDoc string

	// Alone says whether the trigger of a Config calls no component: what it does is the trigger's own. Its TriggerSpec.Component is empty. Nil: every
	// trigger calls one.
	Alone func(config any) bool

	// Default is the Config of the trigger that a component gets if it is started without a manifest; nil: it gets none of this type.
	Default any

	// Summary is a Config in a few words for people, "/cart" or "every 30s"; it has no secret. Nil: there is none.
	Summary func(config any) string

	// Check finds mistakes that types alone do not show. ts are all triggers of this type in one workload; the Config of each is
	// of Config's type, without values that did not decode. Nil: nothing is checked.
	Check func(ts []TriggerSpec) []TriggerMistake
}

// TriggerMistake is one mistake in a trigger.
type TriggerMistake struct {
	Trigger int    // index in Check's ts
	Key     string // the key's path in Config; empty: the trigger as a whole
	Problem string // what is wrong and what is wanted
}
