import { timestamp } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { alertsEndedMs, type Incident } from './incident.ts'
import { severityClock } from './severity-clock.ts'
import type { TimelineLine } from './timeline.ts'

/** What a review holds where the plan names no sections. */
const usualSections = ['Summary', 'Timeline', 'Root cause', 'Impact', 'Action items with owners']

/** What Aval knows, by the words that a plan's section may be called by. What is not here, people know. */
const fillings: readonly { called: RegExp; fill: (review: Known) => string[] }[] = [
  { called: /summary|resumen/i, fill: summary },
  { called: /timeline|cronolog/i, fill: ({ timeline }) => timeline.map(timelineText) },
  { called: /notice|detect/i, fill: noticed },
  { called: /runbook|procedim/i, fill: runbook },
  { called: /time to|times|duration|tiempo/i, fill: times },
]

interface Known {
  plan: Plan
  incident: Incident
  timeline: readonly TimelineLine[]
}

/**
 * The text of a review in Markdown: the sections of `incidents.review`, filled with what is known. A section that only people can write says so,
 * so that an unwritten one is seen.
 *
 * @param nowMs when it is written; it tells whether somebody is late.
 */
export function reviewOf(known: Known, nowMs: number): string {
  const { plan, incident } = known
  const { answer, reviewByMs } = severityClock(plan, incident, nowMs)
  const due = reviewByMs === undefined ? [] : [`To be written by ${timestamp(reviewByMs)}.`]
  const head = [
    `# Incident ${incident.number}: ${plainly(incident.title)}`,
    [`${plan.system}, ${incident.severity}, ${incident.closed ? 'closed' : 'open'}; answered: ${answer}.`, ...due].join(
      ' ',
    ),
  ]
  const sections = (plan.incidents.review?.sections ?? usualSections).map((section) => {
    const lines = fillings.filter(({ called }) => called.test(section)).flatMap(({ fill }) => fill(known))
    return [`## ${section}`, lines.length === 0 ? '_To be written._' : lines.map((text) => `- ${text}`).join('\n')]
  })
  return `${[...head, ...sections.flat()].join('\n\n')}\n`
}

function summary({ plan, incident }: Known): string[] {
  const meaning = plan.incidents.severities[incident.severity]?.meaning
  const names = [...new Set(incident.alerts.map(({ alert }) => alert))]
  return [
    plainly(incident.title),
    `${incident.severity}${meaning === undefined ? '' : `: ${meaning}`}`,
    ...(names.length === 0 ? [] : [`Alerts: ${names.join(', ')}`]),
  ]
}

function noticed({ incident }: Known): string[] {
  const [first] = incident.alerts
  if (incident.openedBy !== 'alert' || first === undefined) return [`Opened by hand: ${plainly(incident.openedBy)}`]
  const delay = readableMs(Math.max(incident.openedMs - first.startedAtMs, 0))
  return [`By the alert ${first.alert}, ${delay} after its condition began to hold`]
}

function runbook({ plan, incident }: Known): string[] {
  const found = incident.runbook === undefined ? undefined : plan.runbooks[incident.runbook]
  return found === undefined
    ? []
    : [`${incident.runbook}: ${found.title} (${found.file})`, 'Deviations: _to be written._']
}

function times({ incident }: Known): string[] {
  const since = (atMs: number | undefined) =>
    atMs === undefined ? 'not yet' : readableMs(Math.max(atMs - incident.openedMs, 0))
  return [
    `Time to acknowledge: ${since(incident.acknowledged?.atMs)}`,
    ...(incident.alerts.length === 0 ? [] : [`Time until its alerts ended: ${since(alertsEndedMs(incident))}`]),
    `Time to resolve: ${since(incident.closed?.atMs)}`,
  ]
}

function timelineText({ atMs, from, text }: TimelineLine): string {
  return `${timestamp(atMs)} ${from}: ${plainly(text)}`
}

/** One line, none of whose characters Markdown or HTML would take for its own. */
function plainly(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*[\]<>#|]/g, (character) => `\\${character}`)
}
