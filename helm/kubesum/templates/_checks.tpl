{{/* Fails for combinations of values that contradict each other; a JSON schema would give no clear message. */}}
{{- define "kubesum.check" -}}
{{- $mode := .Values.certificates.mode -}}
{{- with .Values.apiService -}}
{{- if and .caBundle (ne $mode "secret") -}}
{{ fail (printf "apiService.caBundle is for certificates.mode secret: in mode %s it is set automatically" $mode) }}
{{- end -}}
{{- if and .insecureSkipTLSVerify (ne $mode "secret") -}}
{{ fail (printf "apiService.insecureSkipTLSVerify is for certificates.mode secret: in mode %s the certificate is verified" $mode) }}
{{- end -}}
{{- if and .insecureSkipTLSVerify .caBundle -}}
{{ fail "apiService.caBundle and apiService.insecureSkipTLSVerify exclude each other" }}
{{- end -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
{{ fail "serviceMonitor.enabled needs metrics.enabled: Prometheus sends no credentials" }}
{{- end -}}
{{- if and .Values.hostNetwork.enabled (eq (int .Values.containerPort) 10250) -}}
{{ fail "hostNetwork.enabled needs another containerPort: on the network of a node, 10250 is the kubelet's" }}
{{- end -}}
{{- $least := add .Values.shutdownDelaySeconds 20 -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $least) -}}
{{ fail (printf "terminationGracePeriodSeconds must be %d or more: shutdownDelaySeconds, and 20 s to end requests and watches" $least) }}
{{- end -}}
{{- end }}
