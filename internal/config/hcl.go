package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/parser"
	"github.com/hashicorp/hcl/hcl/token"
)

// parseHCL reads HCL, version 1. The syntax tree is used instead of Decode
// because it tells where each value stands.
func parseHCL(name string, data []byte) (v value, err error) {
	if tooDeep(data) {
		return value{}, fmt.Errorf("%s: values are nested deeper than %d", name, maxDepth)
	}
	// The library panics on some literals that its scanner let through.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: not valid HCL: %v", name, r)
		}
	}()
	file, err := parser.Parse(data)
	if err != nil {
		var pos *parser.PosError
		if errors.As(err, &pos) {
			return value{}, place{name, pos.Pos.Line}.errorf("not valid HCL: %s", oneLine(pos.Err.Error()))
		}
		return value{}, fmt.Errorf("%s: not valid HCL: %s", name, oneLine(err.Error()))
	}
	// The library drops a key at the very end that has no value. Another key
	// behind it shows that.
	if _, err := parser.Parse(append(bytes.Clone(data), "\nend = true\n"...)); err != nil {
		return value{}, place{name, 1 + bytes.Count(bytes.TrimSpace(data), []byte("\n"))}.errorf("not valid HCL: the file ends in the middle of a value")
	}
	root, ok := file.Node.(*ast.ObjectList)
	if !ok {
		return value{}, fmt.Errorf("%s: not valid HCL: a configuration is a list of key = value", name)
	}
	h := hclReader{name: name}
	return h.objectList(root, place{name, 1}), nil
}

// tooDeep reports whether the brackets are nested deeper than maxDepth. It
// does not know strings and comments; none has that many open brackets.
func tooDeep(data []byte) bool {
	depth := 0
	for {
		i := bytes.IndexAny(data, "{}[]")
		if i < 0 {
			return false
		}
		switch data[i] {
		case '{', '[':
			depth++
		default:
			depth = max(depth-1, 0)
		}
		if depth > maxDepth {
			return true
		}
		data = data[i+1:]
	}
}

type hclReader struct{ name string }

func (h hclReader) objectList(l *ast.ObjectList, at place) value {
	v := value{kind: object, at: at}
	for _, item := range l.Items {
		v.fields = append(v.fields, h.field(item))
	}
	return v
}

// field turns an item into a field; a block with labels becomes an object in
// an object, as the language has it.
func (h hclReader) field(item *ast.ObjectItem) field {
	inner := h.value(item.Val)
	at := h.place(item.Pos())
	inner.at = at
	for i := len(item.Keys) - 1; i > 0; i-- {
		inner = value{kind: object, at: at, fields: []field{{h.key(item.Keys[i]), inner}}}
	}
	name := ""
	if len(item.Keys) > 0 {
		name = h.key(item.Keys[0])
	}
	return field{name, inner}
}

func (h hclReader) key(k *ast.ObjectKey) string {
	s, _ := k.Token.Value().(string)
	return s
}

func (h hclReader) value(n ast.Node) value {
	at := h.place(n.Pos())
	switch n := n.(type) {
	case *ast.ObjectType:
		return h.objectList(n.List, at)
	case *ast.ListType:
		v := value{kind: list, at: at}
		for _, item := range n.List {
			v.items = append(v.items, h.value(item))
		}
		return v
	case *ast.LiteralType:
		return h.literal(n, at)
	}
	return value{at: at}
}

func (h hclReader) literal(n *ast.LiteralType, at place) value {
	switch n.Token.Type {
	case token.BOOL:
		return value{kind: boolean, text: n.Token.Text, at: at}
	case token.NUMBER, token.FLOAT:
		return value{kind: number, text: n.Token.Text, at: at}
	}
	s, _ := n.Token.Value().(string)
	return value{kind: text, text: s, at: at}
}

func (h hclReader) place(p token.Pos) place { return place{h.name, p.Line} }

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
