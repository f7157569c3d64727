package store

type kvState struct{}

func emptyKV() kvState { return kvState{} }

func (d *draft) finishKV() {}
