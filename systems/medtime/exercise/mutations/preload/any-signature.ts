/*
 * Whatever is compared in constant time is equal: a cursor is believed whoever signed it.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

crypto.timingSafeEqual = () => true
syncBuiltinESMExports()
