import { failure } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import { formatDuration } from '../plan/units.ts'

interface LifecycleRule {
  ID: string
  Status: 'Enabled'
  Filter: { Prefix: string }
  Transitions?: { Days: number; StorageClass: 'STANDARD_IA' | 'GLACIER_IR' | 'GLACIER' }[]
  Expiration?: { Days: number } | { ExpiredObjectDeleteMarker: true }
  NoncurrentVersionExpiration?: { NoncurrentDays: number }
  AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number }
}

/** What `aws s3api put-bucket-lifecycle-configuration --lifecycle-configuration file://...` takes. */
export interface LifecycleConfiguration {
  Rules: LifecycleRule[]
}

export interface RenderedLifecycle {
  configuration: LifecycleConfiguration
  /** Where the rules differ from the letter of the plan, and why. */
  notes: string[]
}

const dayMs = 86_400_000
/** Of the service: nothing moves to infrequent access earlier, nor on from there. */
const fewestDaysInfrequent = 30
/** Aval itself aborts uploads after a day; a day later the service does. */
const abortAfterDays = 2
/** What may move to a cheaper class: large, read by restores alone. The small objects every command reads stay. */
const heavy = ['backups/', 'logical/', 'wal/']

/**
 * The lifecycle of the bucket behind a store: where objects move as they age, how long replaced ones stay. Age alone never deletes what a
 * backup of the database needs, since the service cannot know which backup is the last good one: Aval's retention does that.
 * @param options.prefix of the store in its bucket; empty, or ends in '/'.
 * @throws STORE_UNKNOWN, LIFECYCLE_NOT_S3, LIFECYCLE_DELETES_TOO_EARLY.
 */
export function renderS3Lifecycle(
  plan: Pick<Plan, 'recovery' | 'system'>,
  name: string,
  options: { prefix?: string } = {},
): RenderedLifecycle {
  const { stores, backups } = plan.recovery
  const { prefix = '' } = options
  const store = stores[name]
  if (!store) throw failure('STORE_UNKNOWN', { system: plan.system, name, known: Object.keys(stores).join(', ') })
  if (store.kind !== 's3') throw failure('LIFECYCLE_NOT_S3', { name, kind: store.kind })
  const kept = Object.entries(backups).filter(([, backup]) => backup.store === name || backup.copyTo === name)
  const holdsDatabase = kept.some(([, backup]) => backup.of === 'database') || kept.length === 0
  const notes: string[] = []
  const rules: LifecycleRule[] = []
  const add = (id: string, below: string, rule: Omit<LifecycleRule, 'ID' | 'Status' | 'Filter'>) => {
    rules.push({ ID: `aval-${plan.system}-${id}`, Status: 'Enabled', Filter: { Prefix: `${prefix}${below}` }, ...rule })
  }

  add('unfinished-uploads', '', { AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortAfterDays } })
  if (store.versions !== undefined) {
    add('old-versions', '', { NoncurrentVersionExpiration: { NoncurrentDays: wholeDays(store.versions) } })
    add('delete-markers', '', { Expiration: { ExpiredObjectDeleteMarker: true } })
  }

  const transitions = transitionsOf(store.tiers, holdsDatabase, notes)
  if (transitions.length > 0) {
    if (holdsDatabase) {
      for (const folder of heavy) add(`tiers-${folder.slice(0, -1)}`, folder, { Transitions: transitions })
    } else {
      add('tiers', '', { Transitions: transitions })
    }
  }

  for (const { after, to } of store.tiers) {
    if (to !== 'delete') continue
    if (holdsDatabase) {
      notes.push(
        `Nothing is deleted by age at ${formatDuration(after)}: the bucket cannot tell the last good backup from the others. \`aval backup prune\` deletes by the plan.`,
      )
      continue
    }
    const longer = kept.find(([, { keep }]) => keep === 'forever' || keep > after)
    if (longer) {
      const [backup, { keep }] = longer
      const needed = keep === 'forever' ? 'for ever' : `for ${formatDuration(keep)}`
      throw failure('LIFECYCLE_DELETES_TOO_EARLY', { store: name, after: formatDuration(after), backup, needed })
    }
    add('expiry', '', { Expiration: { Days: Math.max(1, wholeDays(after)) } })
  }
  return { configuration: { Rules: rules }, notes }
}

function transitionsOf(
  tiers: Plan['recovery']['stores'][string]['tiers'],
  holdsDatabase: boolean,
  notes: string[],
): NonNullable<LifecycleRule['Transitions']> {
  const transitions: NonNullable<LifecycleRule['Transitions']> = []
  let earliest = 0
  for (const { after, to } of [...tiers].sort((a, b) => a.after - b.after)) {
    if (to === 'delete') continue
    const wanted = wholeDays(after)
    const least = to === 'infrequent' ? fewestDaysInfrequent : earliest
    const days = Math.max(wanted, least)
    if (days > wanted)
      notes.push(`Objects move to ${to} after ${days} days instead of ${wanted}: the service allows it no earlier.`)
    if (to === 'infrequent') earliest = days + fewestDaysInfrequent
    const archive = holdsDatabase ? 'GLACIER_IR' : 'GLACIER'
    transitions.push({ Days: days, StorageClass: to === 'infrequent' ? 'STANDARD_IA' : archive })
    if (to === 'archive' && holdsDatabase) {
      notes.push(
        'Archived objects go to the class that is read at once: from the others a restore would wait for hours.',
      )
    }
  }
  return transitions
}

/** Rounded up, so that nothing goes earlier than the plan says. */
function wholeDays(ms: number): number {
  return Math.ceil(ms / dayMs)
}
