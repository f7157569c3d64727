package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// parseJSON reads a JSON object. Its decoder's tokens are used instead of
// Unmarshal because they tell where each value stands.
func parseJSON(name string, data []byte) (value, error) {
	p := jsonParser{name: name, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	v, err := p.value(0)
	if err != nil {
		return value{}, p.explain(err)
	}
	if v.kind != object {
		return value{}, v.at.errorf("a configuration is an object in { }, not %s", v.kind)
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return value{}, p.here().errorf("there is more text behind the closing }")
	}
	return v, nil
}

type jsonParser struct {
	name string
	data []byte
	dec  *json.Decoder

	// Lines are counted as the decoder moves on.
	line    int
	counted int64
}

func (p *jsonParser) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, p.here().errorf("values are nested deeper than %d", maxDepth)
	}
	t, err := p.dec.Token()
	if err != nil {
		return value{}, err
	}
	v := value{at: p.here()}
	switch t := t.(type) {
	case nil:
	case bool:
		v.kind, v.text = boolean, strconv.FormatBool(t)
	case json.Number:
		v.kind, v.text = number, t.String()
	case string:
		v.kind, v.text = text, t
	case json.Delim:
		if t == '[' {
			return p.list(v, depth)
		}
		return p.object(v, depth)
	}
	return v, nil
}

func (p *jsonParser) list(v value, depth int) (value, error) {
	v.kind = list
	for p.dec.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := p.dec.Token()
	return v, err
}

func (p *jsonParser) object(v value, depth int) (value, error) {
	v.kind = object
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return value{}, err
		}
		key, ok := t.(string)
		if !ok {
			return value{}, p.here().errorf("a key must be text in quotes")
		}
		at := p.here()
		f, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		f.at = at
		v.fields = append(v.fields, field{name: key, value: f})
	}
	_, err := p.dec.Token()
	return v, err
}

// here is the place of the token read last.
func (p *jsonParser) here() place {
	return p.placeAt(p.dec.InputOffset())
}

func (p *jsonParser) placeAt(offset int64) place {
	if offset < p.counted {
		p.line, p.counted = 0, 0
	}
	offset = min(offset, int64(len(p.data)))
	p.line += bytes.Count(p.data[p.counted:offset], []byte{'\n'})
	p.counted = offset
	return place{p.name, p.line + 1}
}

// explain gives a decoder's error its place.
func (p *jsonParser) explain(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return p.placeAt(syntax.Offset).errorf("not valid JSON: %s", syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return p.placeAt(int64(len(p.data))).errorf("not valid JSON: the file ends in the middle of a value")
	case strings.HasPrefix(err.Error(), p.name+":"):
		return err
	}
	return fmt.Errorf("%s: %w", p.here(), err)
}
