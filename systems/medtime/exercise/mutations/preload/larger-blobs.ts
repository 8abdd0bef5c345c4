/*
 * An entity may have one byte more.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/sync/wire.ts', 'blobLimit = 1_048_576', 'blobLimit = 1_048_577')
