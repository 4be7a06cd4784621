"""The stand-ins on the wire, one file each: Datadog's endpoints, Slack, Jira, Redis; and how they misbehave."""
