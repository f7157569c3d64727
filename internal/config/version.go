package config

// Version is the version of registryd.
const Version = "0.1.0"

// ConsulVersion is the version of Consul whose interface registryd offers;
// clients that look for a version are given this one.
const ConsulVersion = "1.16.4"
