// Command switchhook brings a phone system's events to its customers' programs.
package main

import (
	"os"

	"github.com/switchhook/switchhook/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
