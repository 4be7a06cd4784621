"""Where confirmed deliveries go: Slack, Datadog incidents, Jira."""
