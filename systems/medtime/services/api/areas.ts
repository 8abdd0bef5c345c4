import { appArea } from './app/area.ts'
import type { SharedCache } from './catalog/answer-cache.ts'
import { catalogArea } from './catalog/area.ts'
import type { Database } from './database.ts'
import { familyArea } from './family/area.ts'
import { filesArea } from './files/area.ts'
import type { Area } from './http/area.ts'
import type { Metrics } from './http/metrics.ts'
import { describeApi } from './http/openapi.ts'
import { serviceArea } from './http/service-area.ts'
import { sessionLives } from './identity/session.ts'
import { messagesArea } from './messages/area.ts'
import type { MessagesSettings } from './messages/settings.ts'
import { ocrArea } from './ocr/area.ts'
import { rightsArea } from './rights/area.ts'
import { syncArea } from './sync/area.ts'
import { type Channel, silentChannel } from './sync/events/channel.ts'
import { createStore } from './sync/store.ts'

export interface AreaParts {
  database: Database
  /** The connections that pages are read on; those of `database` unless told. */
  reading?: Database
  metrics: Metrics
  /** Where instances tell each other of changes; undefined when there is no other. */
  channel?: Channel
  messages: MessagesSettings
  /** Where instances share answers of the catalog; each keeps its own without it. */
  sharedAnswers?: SharedCache | undefined
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Everything the API offers. */
export function createAreas(parts: AreaParts): Area[] {
  const { database, reading = database, metrics, sharedAnswers, channel = silentChannel, messages, now } = parts
  const lives = sessionLives(database.run, now)
  const sync = syncArea({ store: createStore(database, reading), metrics, now, channel, sessionLives: lives })
  const areas: Area[] = [
    sync,
    filesArea({ database, now }),
    familyArea({ database }),
    messagesArea({ database, settings: messages, now }),
  ]
  areas.push(catalogArea({ database, metrics, shared: sharedAnswers, now }), ocrArea({ database, metrics, now }))
  areas.push(rightsArea({ database, now }), appArea({ database, metrics, now }))
  const ready = async () => void (await Promise.all([database.ready(), sync.ready()]))
  areas.push(serviceArea(metrics, ready, () => description))
  const description = describeApi(areas.flatMap(({ routes }) => Object.values(routes)))
  return areas
}
