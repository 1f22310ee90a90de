/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// Where `npm run dev` finds a running control; the browser itself sees one origin only.
const control = process.env.WARREN_DEV_CONTROL ?? 'http://127.0.0.1:8080'

/**
 * xterm's DOM renderer writes true colours as a style attribute, which `style-src 'self'` refuses; the same
 * through the CSSOM is allowed. Fails the build when an update of xterm no longer has the place.
 */
function xtermWithoutStyleAttributes(): Plugin {
  const place = /(\w+)\.setAttribute\("style",/g
  return {
    name: 'xterm-without-style-attributes',
    apply: 'build',
    transform(code, id) {
      if (!id.includes('@xterm/xterm/lib/')) return
      if (!code.match(place)) throw new Error('xterm has changed: look at how it sets true colours')
      return { code: code.replace(place, 'Reflect.set($1.style,"cssText",'), map: null }
    },
  }
}

export default defineConfig({
  plugins: [react(), tailwindcss(), xtermWithoutStyleAttributes()],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // A font or picture as a data: URI would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '/api': control,
      '/transfer': control,
      '/ws': { target: control, ws: true },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
  },
})
