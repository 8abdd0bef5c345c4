import { createHash } from 'node:crypto'
import { z } from 'zod'
import { alertSeverity } from '../../plan/alerts.ts'
import type { Plan } from '../../plan/plan.ts'
import type { AlertInstance, Notice } from '../alerts/notice.ts'
import { permittedAlert } from './allow-list.ts'

/** One alert as people are told of it: every text is the plan's own, a listed label or a figure. */
const messageAlertSchema = z.strictObject({
  /** Tells one firing of one series from every other: hex, made of the instance's id and start. */
  episode: z.string().regex(/^[0-9a-f]{32}$/),
  alert: z.string(),
  severity: alertSeverity,
  status: z.enum(['firing', 'resolved']),
  labels: z.record(z.string(), z.string()),
  summary: z.string(),
  runbook: z.strictObject({ name: z.string(), title: z.string(), file: z.string() }).optional(),
  /** The figure, already written out; JSON knows neither NaN nor infinity. */
  figure: z.string(),
  startedAtMs: z.number(),
  endedAtMs: z.number().optional(),
})

export const messageSchema = z.strictObject({
  system: z.string(),
  /** What a provider tells a repetition by: one for each group on a channel; hex. */
  dedup: z.string().regex(/^[0-9a-f]{64}$/),
  status: z.enum(['firing', 'acknowledged', 'resolved']),
  severity: alertSeverity,
  atMs: z.number(),
  alerts: z.array(messageAlertSchema).min(1),
  /** Set on a message of an escalation: how long nobody answered. */
  unansweredMs: z.number().optional(),
  /** Set on a message that stands in for a channel which can not be reached; a channel of the plan. */
  insteadOf: z.string().optional(),
})

export type MessageAlert = z.infer<typeof messageAlertSchema>
export type Message = z.infer<typeof messageSchema>

/** The message of a notice, holding nothing but what the plan permits. It is what the outbox keeps. */
export function messageOf(plan: Plan, notice: Notice): Message {
  const alerts = notice.alerts.map((instance) => messageAlertOf(plan, instance))
  return messageFor(plan, alerts, dedupKey(notice.channel, notice.group), notice.atMs)
}

/** A message about alerts that passed the allow-list before. */
export function messageFor(plan: Plan, alerts: readonly MessageAlert[], dedup: string, atMs: number): Message {
  const firing = alerts.filter(({ status }) => status === 'firing')
  return {
    system: plan.system,
    dedup,
    status: firing.length > 0 ? 'firing' : 'resolved',
    severity: gravest(firing.length > 0 ? firing : alerts),
    atMs,
    alerts: [...alerts],
  }
}

/** The name a group has at providers: its own text may hold labels and stays here. */
export function dedupKey(channel: string, group: string): string {
  return createHash('sha256')
    .update(JSON.stringify([channel, group]))
    .digest('hex')
}

/** One firing of one instance. The same rule and labels that fire again later are another. */
export function episodeOf({ id, startedAtMs }: Pick<AlertInstance, 'id' | 'startedAtMs'>): string {
  return createHash('sha256')
    .update(JSON.stringify([id, startedAtMs]))
    .digest('hex')
    .slice(0, 32)
}

function messageAlertOf(plan: Plan, instance: AlertInstance): MessageAlert {
  return {
    ...permittedAlert(plan, instance),
    episode: episodeOf(instance),
    status: instance.status,
    figure: figureOf(instance.value),
    startedAtMs: instance.startedAtMs,
    ...(instance.endedAtMs === undefined ? {} : { endedAtMs: instance.endedAtMs }),
  }
}

function gravest(alerts: readonly MessageAlert[]): Message['severity'] {
  return alertSeverity.options.find((severity) => alerts.some((alert) => alert.severity === severity)) ?? 'low'
}

function figureOf(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value)
}
