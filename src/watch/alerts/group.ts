import { z } from 'zod'
import { alertSeverity } from '../../plan/alerts.ts'
import type { AlertInstance, Notice } from './notice.ts'

const member = z.strictObject({
  id: z.string(),
  alert: z.string(),
  labels: z.record(z.string(), z.string()),
  severity: alertSeverity,
  summary: z.string(),
  runbook: z.string().optional(),
  startedAtMs: z.number(),
  /** Set once it ended; it stays until that was told. */
  endedAtMs: z.number().optional(),
  /** Whether the channel knows that it fires. */
  told: z.boolean(),
  value: z.number().nullable(),
})

/** Alerts that one channel is told of together. */
export const groupState = z.strictObject({
  key: z.string(),
  channel: z.string(),
  members: z.array(member).readonly(),
  /** When the group is looked at next. */
  dueMs: z.number(),
  toldMs: z.number().optional(),
})

export type Member = z.infer<typeof member>
export type GroupState = z.infer<typeof groupState>

/** How often a group speaks, in milliseconds: Alertmanager's group wait, group interval and repeat interval. */
export interface Pace {
  waitMs: number
  intervalMs: number
  repeatMs: number
}

/** What happened to the instances of a group in a round. */
export interface Happened {
  /** All of them that fire. */
  firing: readonly Omit<Member, 'told'>[]
  /** When the condition of those ended that do not fire any more, by id; now, for one that is not here. */
  ended: ReadonlyMap<string, number>
}

/** The group with what happened since; undefined when nothing is left of it. A channel that was never told of a member is not told that it ended. */
export function updated(
  group: GroupState | undefined,
  identity: Pick<GroupState, 'key' | 'channel'>,
  happened: Happened,
  pace: Pace,
  atMs: number,
): GroupState | undefined {
  const firing = new Map(happened.firing.map((one) => [one.id, one]))
  const members: Member[] = []
  for (const old of group?.members ?? []) {
    const now = firing.get(old.id)
    firing.delete(old.id)
    const endedAtMs = old.endedAtMs ?? happened.ended.get(old.id) ?? atMs
    // The channel takes what begins anew before its end was told for the same: one beginning, one end.
    if (now) members.push({ ...now, startedAtMs: old.told ? old.startedAtMs : now.startedAtMs, told: old.told })
    else if (old.told) members.push({ ...old, endedAtMs })
  }
  for (const one of firing.values()) members.push({ ...one, told: false })
  if (members.length === 0) return undefined
  return { ...(group ?? { ...identity, dueMs: atMs + pace.waitMs }), members }
}

/** What may not be told now, by member: nothing of it at all, or only that it fires. */
export type Muted = (member: Member) => 'silent' | 'inhibited' | undefined

/**
 * Looks at a group that is due. It speaks when a firing member is untold, when the end of a told one is, or when it is time to repeat.
 * @returns the group afterwards, undefined when nothing is left of it, and what its channel is told.
 */
export function flushed(
  group: GroupState,
  muted: Muted,
  pace: Pace,
  atMs: number,
): { group: GroupState | undefined; notice: Notice | undefined } {
  if (atMs < group.dueMs) return { group, notice: undefined }
  const audible = group.members.filter((one) => one.endedAtMs === undefined && muted(one) === undefined)
  const over = group.members.filter((one) => one.endedAtMs !== undefined && muted(one) !== 'silent')
  const repeat = group.toldMs === undefined || atMs - group.toldMs >= pace.repeatMs
  const news = audible.some(({ told }) => !told) || over.length > 0 || (audible.length > 0 && repeat)
  const dueMs = atMs + pace.intervalMs
  if (!news) return { group: { ...group, dueMs }, notice: undefined }
  const members = group.members
    .filter((one) => !over.includes(one))
    .map((one) => (audible.includes(one) && !one.told ? { ...one, told: true } : one))
  const notice: Notice = {
    group: group.key,
    channel: group.channel,
    alerts: [...audible, ...over].map(instanceOf),
    status: audible.length > 0 ? 'firing' : 'resolved',
    atMs,
  }
  return { group: members.length === 0 ? undefined : { ...group, members, dueMs, toldMs: atMs }, notice }
}

function instanceOf(one: Member): AlertInstance {
  const { id, alert, labels, severity, summary, runbook, startedAtMs, endedAtMs, value } = one
  const status = endedAtMs === undefined ? 'firing' : 'resolved'
  const kept = { id, alert, labels, severity, summary, startedAtMs, status } as const
  return { ...kept, runbook, endedAtMs, value: value ?? Number.NaN }
}
