package store

type queryState struct{}

func emptyQueries() queryState { return queryState{} }
