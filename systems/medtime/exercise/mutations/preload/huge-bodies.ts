/*
 * The limit of a request is a hundred times what it should be, so that a bomb unfolds.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/sync/wire.ts', 'bodyLimit = 8 * 1_048_576', 'bodyLimit = 800 * 1_048_576')
