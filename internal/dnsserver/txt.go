package dnsserver

import (
	"slices"
	"strings"
)

// maxText is how long one string of a TXT record may be (RFC 1035, section
// 3.3); longer values are continued in the next string.
const maxText = 255

// plainMeta begins keys whose value stands alone in the record.
const plainMeta = "rfc1035-"

// metaTexts returns the strings of a TXT record for each entry, in order of
// the keys, escaped as the library wants them.
func metaTexts(meta map[string]string) [][]string {
	keys := make([]string, 0, len(meta))
	for k := range meta {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	texts := make([][]string, 0, len(keys))
	for _, k := range keys {
		text := meta[k]
		if !strings.HasPrefix(strings.ToLower(k), plainMeta) {
			text = rfc1464(k, text)
		}
		texts = append(texts, splitText(text))
	}
	return texts
}

// rfc1464 writes an attribute in the form of RFC 1464: in the key =, ` and
// outer spaces are quoted by `, in the value only `.
func rfc1464(key, value string) string {
	var b strings.Builder
	inner := strings.Trim(key, " ")
	lead := len(key) - len(strings.TrimLeft(key, " "))
	if inner == "" {
		lead = len(key)
	}
	trail := len(key) - lead - len(inner)
	b.WriteString(strings.Repeat("` ", lead))
	b.WriteString(strings.NewReplacer("`", "``", "=", "`=").Replace(inner))
	b.WriteString(strings.Repeat("` ", trail))
	b.WriteByte('=')
	b.WriteString(strings.ReplaceAll(value, "`", "``"))
	return b.String()
}

// splitText cuts a text into strings of a TXT record.
func splitText(s string) []string {
	var l []string
	for len(s) > maxText {
		l = append(l, escapeText(s[:maxText]))
		s = s[maxText:]
	}
	return append(l, escapeText(s))
}

// escapeText guards the one character that the library takes for more than
// itself.
func escapeText(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }
