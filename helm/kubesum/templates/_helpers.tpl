{{/* Name of the application in labels. */}}
{{- define "kubesum.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end }}

{{/* Name of the objects in the release's namespace. */}}
{{- define "kubesum.fullname" -}}
{{- $name := include "kubesum.name" . -}}
{{- $release := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $release | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "kubesum.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "kubesum.fullname" .) "default") -}}
{{- end }}

{{/* The labels that the Deployment, Service, PodDisruptionBudget and NetworkPolicy select; they cannot change. */}}
{{- define "kubesum.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kubesum.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels of every object, without app.kubernetes.io/managed-by: rendered manifests are not managed by Helm. */}}
{{- define "kubesum.labels" -}}
{{ include "kubesum.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kubesum.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Name of the Secret with the serving certificate, in every mode. */}}
{{- define "kubesum.certificateSecret" -}}
{{- if eq .Values.certificates.mode "secret" -}}
{{ required "certificates.secret.name is missing: certificates.mode secret needs the name of the Secret" .Values.certificates.secret.name }}
{{- else if eq .Values.certificates.mode "cert-manager" -}}
{{/* Another name than in self-managed mode, whose Secret Helm deletes on a change of mode. */ -}}
{{ include "kubesum.fullname" . }}-serving
{{- else -}}
{{ include "kubesum.fullname" . }}-tls
{{- end -}}
{{- end }}

{{/* The CA certificate of mode secret, in base64. */}}
{{- define "kubesum.caBundle" -}}
{{- if .Values.apiService.caBundle -}}
{{ .Values.apiService.caBundle | b64enc }}
{{- else -}}
{{- $name := include "kubesum.certificateSecret" . -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace $name -}}
{{- $data := $secret.data | default dict -}}
{{ required (printf "apiService.caBundle is missing: the CA certificate could not be read from ca.crt of the Secret %s" $name) (get $data "ca.crt") }}
{{- end -}}
{{- end }}

{{/* The roles of `kubesum render rbac`. */}}
{{- define "kubesum.clusterRoles" -}}
{{ .Files.Get "files/clusterroles.yaml" }}
{{- end }}
