package cm

// The tuples of generated bindings: F0 is the first element.
type (
	// Tuple1 is a tuple of one element.
	Tuple1[T0 any] struct {
		F0 T0
	}
	// Tuple2 is a tuple of two.
	Tuple2[T0, T1 any] struct {
		F0 T0
		F1 T1
	}
	// Tuple3 is a tuple of three.
	Tuple3[T0, T1, T2 any] struct {
		F0 T0
		F1 T1
		F2 T2
	}
	// Tuple4 is a tuple of four.
	Tuple4[T0, T1, T2, T3 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
	}
	// Tuple5 is a tuple of five.
	Tuple5[T0, T1, T2, T3, T4 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
	}
	// Tuple6 is a tuple of six.
	Tuple6[T0, T1, T2, T3, T4, T5 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
	}
	// Tuple7 is a tuple of seven.
	Tuple7[T0, T1, T2, T3, T4, T5, T6 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
	}
	// Tuple8 is a tuple of eight.
	Tuple8[T0, T1, T2, T3, T4, T5, T6, T7 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
		F7 T7
	}
	// Tuple9 is a tuple of nine.
	Tuple9[T0, T1, T2, T3, T4, T5, T6, T7, T8 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
		F7 T7
		F8 T8
	}
	// Tuple10 is a tuple of ten.
	Tuple10[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
		F7 T7
		F8 T8
		F9 T9
	}
	// Tuple11 is a tuple of eleven.
	Tuple11[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
	}
	// Tuple12 is a tuple of twelve.
	Tuple12[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
	}
	// Tuple13 is a tuple of thirteen.
	Tuple13[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
	}
	// Tuple14 is a tuple of fourteen.
	Tuple14[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
		F13 T13
	}
	// Tuple15 is a tuple of fifteen.
	Tuple15[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
		F13 T13
		F14 T14
	}
	// Tuple16 is a tuple of sixteen.
	Tuple16[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
		F13 T13
		F14 T14
		F15 T15
	}
)
