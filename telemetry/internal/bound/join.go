package bound

import "errors"

// Join makes a meter whose instruments record in the meters of several readers, each with sums, temporality and aggregation of its
// own. It is nil for none, and the meter itself for one. Its Release releases all.
func Join(all ...*Meter) *Meter {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &Meter{each: all}
}

// eachMeter makes an instrument with each meter.
func eachMeter[T any](m *Meter, mk func(*Meter) (T, error)) ([]T, error) {
	var out []T
	var errs []error
	for _, one := range m.each {
		in, err := mk(one)
		errs = append(errs, err)
		out = append(out, in)
	}
	return out, errors.Join(errs...)
}

func stopAll(all []func()) (stop func()) {
	return func() {
		for _, stop := range all {
			if stop != nil {
				stop()
			}
		}
	}
}
