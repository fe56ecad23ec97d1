{{- /* Written by `make chart` from k8s/base and k8s/components: change those. */}}
{{- define "switchyard.settingsOfBase" }}
ALLOWED_HOSTS: localhost
BROKER_MANAGEMENT_URL: ''
CSRF_TRUSTED_ORIGINS: ''
DEFAULT_FROM_EMAIL: Switchyard <noreply@localhost>
EMAIL_HOST: localhost
EMAIL_HOST_USER: ''
EMAIL_PORT: '25'
EMAIL_USE_SSL: 'false'
EMAIL_USE_TLS: 'false'
ENVIRONMENT: ''
HEARTBEAT_FILE: /tmp/switchyard-heartbeat
HSTS_SECONDS: '3600'
IN_TOTAL_PER_HOUR: '100000'
KEEP_EVENTS_DAYS: '90'
LOG_FORMAT: json
LOG_LEVEL: INFO
LOGINS_PER_HOUR: '30'
MIGRATION_WAIT_SECONDS: '120'
PROMETHEUS_URL: ''
PUBLIC_URL: http://localhost:8000
REPORTS_PER_HOUR: '1000'
SIGNUPS_PER_HOUR: '20'
STAFF_IDLE_MINUTES: '30'
TOKEN_LIFETIME_DAYS: '30'
TRUST_PROXY: 'false'
TRUSTED_PROXIES: '1'
WAIT_SECONDS: '60'
WEB_BODY_LIMIT_BYTES: '2621440'
WEB_KEEPALIVE_SECONDS: '75'
WEB_PROCESSES: '1'
WEB_QUERY_SECONDS: '15'
WEB_THREADS: '8'
WEBHOOKS_PER_HOUR: '100'
{{- if .Values.pgbouncer }}
DISABLE_SERVER_SIDE_CURSORS: 'true'
{{- end }}
{{- end }}
{{- define "switchyard.roles" }}
beat
exporter
jobs
relay
toolbox
web
worker-cpu
worker-io
release
{{- end }}
