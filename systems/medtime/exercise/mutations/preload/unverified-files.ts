/*
 * A file is stored though its bytes are not those of its digest.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/files/receive.ts', '!timingSafeEqual(found, digest)', 'false')
