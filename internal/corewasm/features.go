package corewasm

// feature is a proposal beyond WebAssembly 1.0, as a bit.
type feature uint32

const (
	mutableGlobal feature = 1 << iota
	signExtension
	multiValue
	saturatingConversion
	bulkMemory
	referenceTypes
	simd
	tailCall
	extendedConst
	functionReferences
)

var featureNames = [...]string{
	"mutable-global", "sign-extension", "multi-value", "nontrapping-float-to-int", "bulk-memory", "reference-types",
	"simd", "tail-call", "extended-const", "function-references",
}

// names lists the features of a set.
func (f feature) names() []string {
	var s []string
	for i, n := range featureNames {
		if f&(1<<i) != 0 {
			s = append(s, n)
		}
	}
	return s
}

// Features that are recognised, so that their encoding is not read as something else, and refused by name. wazero v1.12
// has threads, exceptions and typed function references. They are refused because a component cannot share memory, because
// its compiler loses locals around exceptions, and because its call_ref does not check the function's type, so that a guest
// could read the host's registers.
const (
	exceptions       = "exception-handling"
	legacyExceptions = "legacy exception-handling"
	multiMemory      = "multi-memory"
	memory64         = "memory64"
	garbage          = "gc"
	threads          = "threads"
	relaxedSIMD      = "relaxed-simd"
	wideArithmetic   = "wide-arithmetic"
	stackSwitching   = "stack-switching"
	customPageSizes  = "custom-page-sizes"
	typedReferences  = "function-references"
)

// Limits of the WebAssembly JavaScript interface (§ Implementation-defined limits), which every engine of note shares.
const (
	maxTypes     = 1_000_000
	maxFuncs     = 1_000_000
	maxImports   = 1_000_000
	maxExports   = 1_000_000
	maxGlobals   = 1_000_000
	maxSegments  = 100_000
	maxElements  = 10_000_000
	maxTables    = 100_000
	maxBody      = 7_654_321
	maxLocals    = 50_000
	maxAllLocals = 5_000_000 // of all functions together: wazero allocates an entry for each
	maxParams    = 1_000
	maxResults   = 1_000
	maxBrTargets = 65_520
)
