import { Client } from 'pg'
import type { Plan } from '../../plan/plan.ts'
import { startPagerDuty } from '../../receivers/pagerduty.ts'
import { startSlack } from '../../receivers/slack.ts'
import { startSmtp } from '../../receivers/smtp.ts'
import { startTwilio } from '../../receivers/twilio.ts'
import { startWebhook } from '../../receivers/webhook.ts'
import { type ChannelPlan, variableOf } from '../../watch/notify/setting.ts'

/** The ends of all channels of a plan on this machine, each by its provider's protocol and as strict as the provider. */
export interface ChannelEnds {
  /** Where the channels find their ends, as environment variables. */
  variables: Readonly<Record<string, string>>
  /** What arrived at a channel, oldest first. */
  arrived(channel: string): Promise<readonly string[]>
  /** Somebody acknowledges at the provider: the webhook it would send. Undefined where the provider has no such. */
  acknowledgement(channel: string, dedup: string): { body: string; signature: string; secret: string } | undefined
  /** Whether the provider itself counts it as closed; undefined where it keeps no such state. */
  closed(channel: string, dedup: string): boolean | undefined
  close(): Promise<void>
}

interface End {
  settings: Readonly<Record<string, string>>
  arrived(): Promise<readonly string[]>
  acknowledgement?: (dedup: string) => { body: string; signature: string; secret: string }
  closed?: (dedup: string) => boolean
  close(): Promise<void>
}

/** Kinds of channels whose end is somebody else's cloud. */
export const untriable: ReadonlySet<ChannelPlan['kind']> = new Set(['monitor'])

/**
 * @param database URL that NOTIFY goes to; asked for only when a channel needs it
 * @param now the clock by which signatures are dated
 */
export async function openEnds(plan: Plan, database: () => Promise<string>, now: () => number): Promise<ChannelEnds> {
  const ends = new Map<string, End>()
  const variables: Record<string, string> = {}
  for (const [name, channel] of Object.entries(plan.incidents.channels)) {
    const end = await openEnd(name, channel, database, now)
    if (end === undefined) continue
    ends.set(name, end)
    for (const [setting, value] of Object.entries(end.settings)) variables[variableOf(name, channel, setting)] = value
  }
  return {
    variables,
    arrived: async (channel) => (await ends.get(channel)?.arrived()) ?? [],
    acknowledgement: (channel, dedup) => ends.get(channel)?.acknowledgement?.(dedup),
    closed: (channel, dedup) => ends.get(channel)?.closed?.(dedup),
    close: async () => {
      for (const end of ends.values()) await end.close()
    },
  }
}

async function openEnd(
  name: string,
  channel: ChannelPlan,
  database: () => Promise<string>,
  now: () => number,
): Promise<End | undefined> {
  switch (channel.kind) {
    case 'slack': {
      const slack = await startSlack()
      return { settings: { url: slack.url }, arrived: async () => slack.shown, close: slack.stop }
    }
    case 'pagerduty': {
      const duty = await startPagerDuty()
      const routingKey = duty.routingKey()
      const { url, webhookSecret: secret, incidents } = duty
      return {
        settings: { url, routingKey, webhookSecret: secret },
        arrived: async () => incidents.map(({ summary }) => summary),
        acknowledgement: (dedup) => ({ ...duty.webhook('incident.acknowledged', dedup), secret }),
        closed: (dedup) => incidents.every(({ dedupKey, status }) => dedupKey !== dedup || status === 'resolved'),
        close: duty.stop,
      }
    }
    case 'email': {
      const smtp = await startSmtp()
      return {
        settings: { smtp: smtp.url, from: 'aval@example.test', to: 'team@example.test' },
        arrived: async () => smtp.mails.map(({ source }) => source),
        close: smtp.stop,
      }
    }
    case 'sms': {
      const twilio = await startTwilio()
      const { account, password, from, origin: url } = twilio
      return {
        settings: { account, password, from, to: '+15005550009', url },
        arrived: async () => twilio.taken.map(({ body }) => body),
        close: twilio.stop,
      }
    }
    case 'webhook': {
      const webhook = await startWebhook(now)
      const { url, secret } = webhook
      return {
        settings: { url, secret },
        arrived: async () => [...webhook.messages.values()].map((message) => JSON.stringify(message)),
        close: webhook.stop,
      }
    }
    case 'notify':
      return listeningEnd(name, await database())
    case 'console':
    case 'monitor':
      return undefined
  }
}

async function listeningEnd(name: string, url: string): Promise<End> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const heard: string[] = []
  client.on('notification', ({ payload }) => heard.push(payload ?? ''))
  await client.query(`LISTEN ${client.escapeIdentifier(name.replaceAll('-', '_'))}`)
  return {
    settings: { database: url },
    arrived: async () => {
      // What was notified before this statement has come in by the time it is answered.
      await client.query('SELECT 1')
      return heard
    },
    close: () => client.end(),
  }
}
