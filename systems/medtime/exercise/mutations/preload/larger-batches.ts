/*
 * A push and a page may hold 101 entities.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/sync/wire.ts', 'batchLimit = 100', 'batchLimit = 101')
