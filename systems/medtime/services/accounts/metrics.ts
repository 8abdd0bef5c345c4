import { createMetrics as fromPlan } from 'aval/telemetry'
import plan from '../../plan.ts'
import { type Metrics as ApiMetrics, requestMeasure } from '../api/http/metrics.ts'

/** What this service measures, in its own words; names and label values stand in the plan. */
export interface Metrics
  extends Pick<ApiMetrics, 'request' | 'statement' | 'refused' | 'limited' | 'text' | 'contentType'> {
  login(status: 'success' | 'failure', tier: 'free' | 'pro' | 'perfect' | 'none'): void
  secondFactor(method: 'totp' | 'sms', status: 'success' | 'failure'): void
  refreshed(): void
}

/** @param waiting how many requests wait for a connection, asked when the measurements are read */
export function createMetrics(waiting: () => number, metrics = fromPlan(plan.telemetry, 'accounts')): Metrics {
  metrics.read('db_connections_waiting', waiting)
  return {
    request: requestMeasure(metrics),
    statement: (seconds) => metrics.observe('db_query_duration_seconds', seconds),
    refused: () => metrics.count('auth_failures_total'),
    limited: (limit, tier) => metrics.count('rate_limit_exceeded_total', { limit, tier }),
    login: (status, tier) => {
      metrics.count('auth_login_attempts_total', { status, tier })
      if (status === 'failure') metrics.count('auth_failures_total')
    },
    secondFactor: (method, status) => metrics.count('auth_mfa_challenges_total', { method, status }),
    refreshed: () => metrics.count('auth_token_refreshes_total'),
    text: metrics.text,
    contentType: metrics.contentType,
  }
}
