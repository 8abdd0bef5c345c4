import type { PlanInput } from '../src/plan/plan.ts'

/** One example a section of docs/plan.md. Together they are one plan, which a test checks. */
export const planExamples = {
  documents: { 'OPS-1': 'Operations of the shop' },
  services: {
    api: {
      command: ['node', 'services/api.ts'],
      ready: '/health/ready',
      needs: ['database'],
      databaseRole: 'shop_api',
      promises: { 'order-kept': { claim: 'An order that was confirmed is there afterwards.', source: 'OPS-1 §2' } },
      performance: { order: { operation: 'order of 3 items', p99: '500ms' } },
    },
    mail: { provider: 'a mail service' },
  },
  database: {
    version: '>=16',
    size: '40GB',
    servers: { development: 'embedded', production: { external: 'DATABASE_URL' } },
    roles: { shop_api: { purpose: 'What the API may do.' } },
    migrations: { layout: 'supabase', directory: 'migrations' },
    rowSecurity: { tables: 'all', tenant: 'customer_id' },
    invariants: {
      paid: { claim: 'Every shipped order is paid.', sql: 'SELECT id FROM orders WHERE shipped AND NOT paid' },
    },
  },
  recovery: {
    objectives: { database: { rto: '4h', rpo: '1h', source: 'OPS-1 §6.1' } },
    backups: {
      hourly: { schedule: '0 * * * *', keep: '30d' },
      log: { type: 'wal', on: 'continuous', keep: '8d' },
      beforeMigration: { on: 'migration', keep: '90d', label: true },
    },
    pointInTime: { window: '7d', granularity: '1s' },
    procedures: { restore: { steps: ['Restore the newest backup.', 'Run the smoke test.'], within: '4h' } },
    drills: { spring: { calendar: { months: [4], week: 2 }, focus: ['time to recover'], scenario: 'restore' } },
  },
  telemetry: {
    metrics: {
      http_requests_total: {
        type: 'counter',
        help: 'Requests answered.',
        labels: ['status'],
        emittedBy: ['api'],
      },
    },
    labels: { status: ['2xx', '4xx', '5xx'] },
    logs: { fields: ['event', 'request_id', 'status'], keep: '30d' },
    forbidden: { email: { meaning: 'E-mail addresses' } },
  },
  alerts: {
    errors: {
      when: 'sum(rate(http_requests_total{status="5xx"}[5m])) / sum(rate(http_requests_total[5m])) > 0.05',
      for: '5m',
      severity: 'critical',
      notify: ['pager'],
      runbook: 'restore',
    },
  },
  probes: {
    health: { http: '/health', service: 'api', every: '30s', failures: 3, notify: ['pager'] },
  },
  limits: {
    orders: {
      of: 'orders',
      requests: { free: 10, pro: 50 },
      window: '1m',
      per: 'user',
      tiers: ['free', 'pro'],
      headers: ['Retry-After'],
    },
    body: { of: 'a request body', bytes: '1MB', status: 413 },
  },
  spend: {
    cloud: {
      monthly: 200,
      from: { file: 'spend.json' },
      items: { storage: { monthly: 50, summary: 'Look at what is archived' } },
      notify: ['pager'],
    },
  },
  incidents: {
    channels: {
      pager: { kind: 'pagerduty', reaches: 'whoever is on call' },
      lead: { kind: 'sms', reaches: 'the lead of the team' },
    },
    severities: { P1: { meaning: 'Nobody can order.', respondWithin: '15m' } },
    escalation: { unanswered: { severity: 'P1', first: 'pager', after: '15m', to: ['lead'] } },
  },
  runbooks: {
    restore: { title: 'Restore the database', severity: 'P1', owner: 'Backend team', file: 'runbooks/restore.md' },
  },
} satisfies Omit<PlanInput, 'system'>
