// Package article holds the three programs with which a newcomer meets service
// discovery: a service that says hello, a program that registers it, and one
// that finds it. They know Consul's Go client and nothing of registryd; its
// default address is localhost:8500 and CONSUL_HTTP_ADDR says another one.
package article
