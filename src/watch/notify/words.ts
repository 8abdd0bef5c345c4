import { timestamp } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { isTest } from './allow-list.ts'
import type { Message, MessageAlert } from './message.ts'

/** What a message is written in. */
export type Language = Plan['incidents']['channels'][string]['language']

const texts = {
  en: {
    test: 'TEST',
    firing: 'FIRING',
    acknowledged: 'ACKNOWLEDGED',
    resolved: 'RESOLVED',
    critical: 'critical',
    high: 'high',
    warning: 'warning',
    medium: 'medium',
    low: 'low',
    since: 'since',
    ended: 'ended',
    value: 'value',
    runbook: 'runbook',
    more: (count: number) => `and ${count} more`,
    unanswered: (time: string) => `Nobody answered for ${time}.`,
    insteadOf: (channel: string) => `The channel ${channel} can not be reached.`,
  },
  es: {
    test: 'PRUEBA',
    firing: 'ACTIVA',
    acknowledged: 'ATENDIDA',
    resolved: 'RESUELTA',
    critical: 'crítica',
    high: 'alta',
    warning: 'aviso',
    medium: 'media',
    low: 'baja',
    since: 'desde',
    ended: 'terminó',
    value: 'valor',
    runbook: 'procedimiento',
    more: (count: number) => `y ${count} más`,
    unanswered: (time: string) => `Nadie respondió en ${time}.`,
    insteadOf: (channel: string) => `No se puede llegar al canal ${channel}.`,
  },
} as const

/** One line: state, severity, system and what has happened. */
export function subjectOf(message: Message, language: Language): string {
  const words = texts[language]
  const [first] = message.alerts.filter(({ status }) => status === message.status || message.status === 'acknowledged')
  const others = message.alerts.length - 1
  const more = others > 0 ? ` (${words.more(others)})` : ''
  const what = first === undefined ? '' : headline(first)
  // Whoever is woken is to read first that nothing is wrong.
  const test = message.alerts.every(({ alert }) => isTest(alert)) ? `[${words.test}] ` : ''
  return `${test}[${words[message.status]}] ${words[message.severity]} · ${message.system}: ${what}${more}`
}

/** The whole text, a line for each thing to know. */
export function textOf(message: Message, language: Language): string {
  const words = texts[language]
  const lines = [subjectOf(message, language)]
  if (message.unansweredMs !== undefined) lines.push(words.unanswered(readableMs(message.unansweredMs)))
  if (message.insteadOf !== undefined) lines.push(words.insteadOf(message.insteadOf))
  return [...lines, ...message.alerts.map((alert) => alertText(alert, language))].join('\n')
}

/** At most `most` characters of a text, cut between characters. */
export function cut(text: string, most: number): string {
  const characters = [...text]
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}

function alertText(alert: MessageAlert, language: Language): string {
  const words = texts[language]
  const labels = Object.entries(alert.labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
  const parts = [
    `- ${headline(alert)}`,
    labels,
    alert.figure === 'NaN' ? '' : `${words.value} ${alert.figure}`,
    `${words.since} ${timestamp(alert.startedAtMs)}`,
    alert.endedAtMs === undefined ? '' : `${words.ended} ${timestamp(alert.endedAtMs)}`,
    alert.runbook === undefined
      ? ''
      : `${words.runbook} ${alert.runbook.name}: ${alert.runbook.title} (${alert.runbook.file})`,
  ]
  return parts.filter((part) => part !== '').join(' · ')
}

function headline({ alert, summary }: MessageAlert): string {
  return summary === alert ? alert : `${alert}: ${summary}`
}
