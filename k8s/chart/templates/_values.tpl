{{- /* What the values become. Those of one role are given (list . "ROLE"); nothing gives nothing. */}}

{{- define "switchyard.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ printf "%s@%s" .repository .digest | quote }}
{{- else }}{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Helm reads each number as one with a fraction, and would write 31536000 as 3.1536e+07. */}}
{{- define "switchyard.settings" -}}
{{- $settings := include "switchyard.settingsOfBase" . | fromYaml }}
{{- range $name, $value := .Values.settings }}
{{- $_ := set $settings $name (kindIs "string" $value | ternary $value (toJson $value)) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{- define "switchyard.settingsName" -}}
settings-{{ include "switchyard.settings" . | sha256sum | trunc 10 }}
{{- end }}

{{- define "switchyard.labels" -}}
{{- with .Values.commonLabels }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.labelsAlone" -}}
{{- with .Values.commonLabels }}{{ dict "labels" . | toYaml }}{{ end }}
{{- end }}

{{- define "switchyard.monitorLabels" -}}
{{- with merge dict .Values.monitoring.labels .Values.commonLabels }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.monitorLabelsAlone" -}}
{{- with include "switchyard.monitorLabels" . }}{{ dict "labels" (fromYaml .) | toYaml }}{{ end }}
{{- end }}

{{- define "switchyard.podLabels" -}}
{{- $root := index . 0 }}{{ $role := dig (index . 1) dict $root.Values.roles }}
{{- with merge dict (dig "podLabels" dict $role) $root.Values.podLabels $root.Values.commonLabels }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.podAnnotations" -}}
{{- $root := index . 0 }}{{ $role := dig (index . 1) dict $root.Values.roles }}
{{- with merge dict (dig "podAnnotations" dict $role) $root.Values.podAnnotations }}{{ dict "annotations" . | toYaml }}{{ end }}
{{- end }}

{{- define "switchyard.scheduling" -}}
{{- $root := index . 0 }}{{ $role := dig (index . 1) dict $root.Values.roles }}{{ $pod := dict }}
{{- range $root.Values.image.pullSecrets }}
{{- $_ := set $pod "imagePullSecrets" (append ($pod.imagePullSecrets | default list) (dict "name" .)) }}
{{- end }}
{{- with merge dict (dig "nodeSelector" dict $role) $root.Values.nodeSelector }}{{ $_ := set $pod "nodeSelector" . }}{{ end }}
{{- with concat $root.Values.tolerations (dig "tolerations" list $role) }}{{ $_ := set $pod "tolerations" . }}{{ end }}
{{- with dig "affinity" dict $role }}{{ $_ := set $pod "affinity" . }}{{ end }}
{{- with $pod }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.env" -}}
{{- $role := index . 1 }}{{ $taken := index . 2 }}
{{- with dig $role "env" list (index . 0).Values.roles }}
{{- range . }}
{{- if has .name $taken }}
{{- fail (printf "roles.%s.env: %s is the chart's own: what it says is a key of a Secret (secretName, brokerSecretName)." $role .name) }}
{{- end }}
{{- end }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "switchyard.envFrom" -}}
{{- $root := index . 0 }}
{{- with concat $root.Values.envFrom (dig (index . 1) "envFrom" list $root.Values.roles) }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.volumes" -}}
{{- with dig (index . 1) "volumes" list (index . 0).Values.roles }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.volumeMounts" -}}
{{- with dig (index . 1) "volumeMounts" list (index . 0).Values.roles }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "switchyard.resources" -}}
{{- mergeOverwrite (index . 2 | fromJson) (dig (index . 1) "resources" dict (index . 0).Values.roles) | toYaml }}
{{- end }}

{{- define "switchyard.ingressAnnotations" -}}
{{- with .Values.ingress.annotations }}{{ dict "annotations" . | toYaml }}{{ end }}
{{- end }}

{{- define "switchyard.ingressClass" -}}
{{- with .Values.ingress.className }}{{ dict "ingressClassName" . | toYaml }}{{ end }}
{{- end }}

{{- define "switchyard.gatewayNamespace" -}}
{{- with .Values.ingress.gatewayNamespace }}{{ dict "namespace" . | toYaml }}{{ end }}
{{- end }}

{{- define "switchyard.hostnames" -}}
{{- with .Values.ingress.host }}{{ dict "hostnames" (list .) | toYaml }}{{ end }}
{{- end }}
