package balance

// Weighted gives instances turns in proportion to the weights that they
// registered, spread out evenly in time: of weights 5, 1, 1 the first gets
// five turns in seven, but never five in a row.
func Weighted() Policy {
	return Policy{name: "weighted", open: func() picker { return newSchedule(shareOf, false) }}
}
