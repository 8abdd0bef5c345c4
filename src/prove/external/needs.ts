import type { GuaranteeKind } from '../../plan/guarantee.ts'

/** What a proof of each kind does that nobody may do to a server others work with, and so what it would need. */
export const needs: Record<GuaranteeKind, string> = {
  behaviour: 'services that it may start, and people of its own to write as',
  performance: 'services that it may load, on a database that it may fill',
  recovery: 'a server that it may destroy, and replication access to it',
  integrity: 'a backup that it may damage, and a server to restore it to',
  retention: 'a store of its own, and 400 simulated days',
  isolation: 'rows of two tenants that it may make and attack',
  migration: 'an empty server, and one that it may fill',
  blindness: 'services that it may plant values in',
  limits: 'services that it may bring to their limits',
  telemetry: 'services that it may start, and a database it may take away from them',
  alerts: 'samples that it may make up, and a channel that tells nobody',
  probes: 'targets that it may break',
  runbooks: 'a system on which every command may be run',
}
