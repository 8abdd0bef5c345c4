import { createMetrics } from 'aval/telemetry'
import plan from '../../plan.ts'
import type { SmsStatus } from './messenger-log.ts'

export interface MessengerMetrics {
  /** Counts an SMS that ended; a push message is not counted. */
  sms(template: string, status: SmsStatus): void
  text(): Promise<string>
  contentType: string
}

const templates: readonly string[] = ['mfa_code', 'emergency_alert', 'caregiver_reminder']

export function createMessengerMetrics(metrics = createMetrics(plan.telemetry, 'messenger')): MessengerMetrics {
  return {
    sms: (template, status) => {
      if (templates.includes(template)) metrics.count('sms_messages_total', { template, status })
    },
    text: metrics.text,
    contentType: metrics.contentType,
  }
}
