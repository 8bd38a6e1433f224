// Command schemas reads files of deploy/ as those programs do that they are
// for. It is a module of its own, because it needs theirs.
//
//	schemas compose FILE
//	schemas kubernetes FILE
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	security "k8s.io/pod-security-admission/api"
	standards "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func main() {
	read := map[string]func(path string) error{"compose": readCompose, "kubernetes": readManifest}
	if len(os.Args) != 3 || read[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: schemas compose|kubernetes FILE")
		os.Exit(2)
	}
	if err := read[os.Args[1]](os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// readCompose is docker compose config.
func readCompose(path string) error {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithName("dss"), cli.WithEnv(os.Environ()))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	text, err := project.MarshalYAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// readManifest decodes every object strictly, and holds pods against the
// restricted profile of the Pod Security Standards.
func readManifest(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var problems []error
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		if err := readObject(document); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func readObject(document []byte) error {
	var header metav1.TypeMeta
	if err := yaml.Unmarshal(document, &header); err != nil {
		return err
	}
	kind := header.APIVersion + " " + header.Kind
	object, known := map[string]any{
		"v1 Namespace":                       &corev1.Namespace{},
		"v1 Secret":                          &corev1.Secret{},
		"v1 Service":                         &corev1.Service{},
		"v1 ServiceAccount":                  &corev1.ServiceAccount{},
		"apps/v1 Deployment":                 &appsv1.Deployment{},
		"policy/v1 PodDisruptionBudget":      &policyv1.PodDisruptionBudget{},
		"networking.k8s.io/v1 Ingress":       &networkingv1.Ingress{},
		"networking.k8s.io/v1 NetworkPolicy": &networkingv1.NetworkPolicy{},
	}[kind]
	if !known {
		return fmt.Errorf("nothing is known about %s", kind)
	}
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if deployment, ok := object.(*appsv1.Deployment); ok {
		if err := restricted(&deployment.Spec.Template); err != nil {
			return err
		}
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("---\n%s", text)
	return err
}

func restricted(pod *corev1.PodTemplateSpec) error {
	evaluator, err := standards.NewEvaluator(standards.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	level := security.LevelVersion{Level: security.LevelRestricted, Version: security.LatestVersion()}
	var problems []error
	for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			problems = append(problems, fmt.Errorf("restricted: %s: %s", result.ForbiddenReason, result.ForbiddenDetail))
		}
	}
	return errors.Join(problems...)
}
