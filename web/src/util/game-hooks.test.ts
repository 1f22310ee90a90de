import { expect, it } from 'vitest'
import { hooksOf } from './game-hooks'

it('knows the servers that write a Java world', () => {
  for (const egg of [
    'Minecraft Paper',
    'Paper',
    'Vanilla Minecraft',
    'Forge Minecraft',
    'NeoForge',
    'Fabric',
    'CurseForge Generic',
  ])
    expect(hooksOf(egg)?.before, egg).toEqual(['save-off', 'save-all flush'])
})

it('offers nothing to proxies, Bedrock and other games', () => {
  for (const egg of [
    'Bungeecord',
    'Velocity',
    'Vanilla Bedrock',
    'PocketmineMP',
    'Minetest',
    'OpenTTD',
    'Valheim',
    'Rust',
  ])
    expect(hooksOf(egg), egg).toBeUndefined()
})
