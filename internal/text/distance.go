package text

import (
	"slices"
	"strings"
)

// Distance is Levenshtein's: how many letters must be put in, taken out or replaced. Names are short; long texts count
// as wholly different, so that a hostile one cannot make it slow.
func Distance(a, b string) int {
	if len(a) > 200 || len(b) > 200 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Nearest is the candidate that differs least from s, without regard to case, if the difference may be a typing error: at most a third of
// its letters (two in short names), and less than half of the candidate's, or one letter behind the first. It is "" if there is none.
func Nearest(s string, candidates []string) string {
	best, least := "", max(2, len(s)/3)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		short := s != "" && c != "" && strings.EqualFold(s[:1], c[:1])
		if d := Distance(strings.ToLower(s), strings.ToLower(c)); d < least && (2*d < len(c) || d == 1 && short) {
			best, least = c, d
		}
	}
	return best
}
