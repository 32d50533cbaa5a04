// The API server of Kubernetes, built from its published modules, for the test of `Kubernetes` in ../sources.
//
// Kubernetes' own module names its parts by folders of its repository, so go.mod names their published versions.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
