/* rxdb-server has no program of its own: one collection in memory behind its replication endpoint, where a token is its user's name. */
import { createRxDatabase } from 'rxdb/plugins/core'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import { RxServerAdapterExpress } from 'rxdb-server/plugins/adapter-express'
import { createRxServer } from 'rxdb-server/plugins/server'

const text = { type: 'string', maxLength: 100 }
const database = await createRxDatabase({ name: 'bench', storage: getRxStorageMemory() })
await database.addCollections({
  entities: {
    schema: {
      version: 0,
      primaryKey: 'id',
      type: 'object',
      properties: { id: text, user: text, type: text, version: { type: 'number' }, blob: { type: 'string' } },
      required: ['id', 'user', 'type', 'version', 'blob'],
      // What a pull walks along.
      indexes: [['user', '_meta.lwt', 'id']],
    },
  },
})

const server = await createRxServer({
  database,
  authHandler: ({ authorization = '' }) => {
    const [scheme, user] = authorization.split(' ')
    if (scheme !== 'Bearer' || !user) throw new Error('no token')
    return { data: { user }, validUntil: Date.now() + 60_000 }
  },
  adapter: RxServerAdapterExpress,
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
})
server.addReplicationEndpoint({
  name: 'sync',
  collection: database.entities,
  queryModifier: ({ data }, query) => {
    query.selector.user = { $eq: data.user }
    return query
  },
  changeValidator: ({ data }, { newDocumentState }) => newDocumentState.user === data.user,
})
server.serverApp.get('/health', (_, answer) => answer.end())
await server.start()
