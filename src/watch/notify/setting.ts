import { readFileSync } from 'node:fs'
import type { Plan } from '../../plan/plan.ts'
import { type Secret, secret } from '../../secrets/secret.ts'

export type Variables = Readonly<Record<string, string | undefined>>
export type ChannelPlan = Plan['incidents']['channels'][string]

/** What each kind of channel needs to be told, and what it may be told besides. */
export const settingsOf = {
  slack: { needed: ['url'], more: [] },
  pagerduty: { needed: ['routingKey'], more: ['url', 'webhookSecret'] },
  email: { needed: ['smtp', 'from', 'to'], more: [] },
  sms: { needed: ['account', 'password', 'from', 'to'], more: ['user', 'url'] },
  webhook: { needed: ['url', 'secret'], more: [] },
  notify: { needed: ['database'], more: [] },
  monitor: { needed: [], more: [] },
  console: { needed: [], more: [] },
} as const satisfies Record<ChannelPlan['kind'], { needed: readonly string[]; more: readonly string[] }>

/** The variable that holds a setting: what the plan says, else channel and setting: `devops-lead`, `routingKey` make DEVOPS_LEAD_ROUTING_KEY. */
export function variableOf(channel: string, plan: ChannelPlan, setting: string): string {
  const inWords = `${channel}_${setting}`.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll('-', '_')
  return plan.settings[setting] ?? inWords.toUpperCase()
}

/** Reads a setting from its variable, or from the file that `<VARIABLE>_FILE` names; undefined when neither is there. Read anew for every message, so that one that was changed needs no restart. */
export function readSetting(
  channel: string,
  plan: ChannelPlan,
  setting: string,
  variables: Variables,
): Secret<string> | undefined {
  const variable = variableOf(channel, plan, setting)
  const value = variables[variable]?.trim() || contentOf(variables[`${variable}_FILE`])
  return value ? secret(value) : undefined
}

/** The variables a channel needs and does not find; to be shown, since names are no secrets. */
export function missingVariables(channel: string, plan: ChannelPlan, variables: Variables): string[] {
  return settingsOf[plan.kind].needed
    .filter((setting) => readSetting(channel, plan, setting, variables) === undefined)
    .map((setting) => variableOf(channel, plan, setting))
}

function contentOf(file: string | undefined): string | undefined {
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}
