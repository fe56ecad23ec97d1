{{- /* What would otherwise be seen late, or as a pod that waits for ever: refused at once, with what to do. */}}

{{- define "switchyard.checks" -}}
{{- range $name, $_ := .Values.settings }}
{{- if regexMatch "_URL$|PASSWORD|SECRET" $name | and (ne $name "PUBLIC_URL") | and (ne $name "BROKER_MANAGEMENT_URL") | and (ne $name "PROMETHEUS_URL") }}
{{- fail (printf "settings.%s would stand in a ConfigMap: put it into the Secret (secretName, brokerSecretName)." $name) }}
{{- end }}
{{- end }}
{{- $roles := include "switchyard.roles" . | trim | splitList "\n" }}
{{- range $role, $_ := .Values.roles }}
{{- if not (has $role $roles) }}
{{- fail (printf "roles.%s: there is no such role; there are %s." $role (join ", " $roles)) }}
{{- end }}
{{- end }}
{{- if and (eq .Values.ingress.kind "ingress") (not .Values.ingress.host) }}
{{- fail "ingress.kind is ingress: ingress.host must say which host name it is for, that of settings.PUBLIC_URL." }}
{{- end }}
{{- include "switchyard.secretsAreThere" . }}
{{- end }}

{{- /* Only where Helm talks to a cluster: it cannot tell `helm template` from a namespace without anything. */}}
{{- define "switchyard.secretsAreThere" -}}
{{- if lookup "v1" "ServiceAccount" .Release.Namespace "default" }}
{{- $app := list "database-url" "email-host-password" "secret-key" "secret-key-fallbacks" }}
{{- $broker := list "exporter" "operator" "relay" "release" "toolbox" "worker" }}
{{- if eq .Values.autoscaling "keda" }}{{ $broker = append $broker "scaler" }}{{ end }}
{{- include "switchyard.secretIsThere" (list . .Values.secretName $app) }}
{{- include "switchyard.secretIsThere" (list . .Values.brokerSecretName $broker) }}
{{- end }}
{{- end }}

{{- define "switchyard.secretIsThere" -}}
{{- $namespace := (index . 0).Release.Namespace }}{{ $name := index . 1 }}
{{- $data := dig "data" dict (lookup "v1" "Secret" $namespace $name) }}
{{- range index . 2 }}
{{- if not (hasKey $data .) }}
{{- fail (printf "The Secret %s in the namespace %s lacks the key %s: every pod would wait for it. deploy/SECRETS.md says what it is." $name $namespace .) }}
{{- end }}
{{- end }}
{{- end }}
