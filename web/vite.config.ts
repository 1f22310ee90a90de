/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// Where `npm run dev` finds a running control; the browser itself sees one origin only.
const control = process.env.WARREN_DEV_CONTROL ?? 'http://127.0.0.1:8080'

/**
 * Our content security policy is `style-src 'self'`: no text in style elements, no style attributes from script.
 * Two libraries make both. Here their style elements become ours (src/ui/adopted-style.ts) and xterm's attributes
 * go through the CSSOM; the editor's own styles, which it adopts in shadow roots only, are adopted by the page. Fails the build when an update no longer has these places.
 */
function stylesByCssom(): Plugin {
  const element = /createElement\((["'])style\1\)/g
  const attribute = /(\w+)\.setAttribute\("style",/g
  return {
    name: 'styles-by-cssom',
    apply: 'build',
    transform(code, id) {
      if (id.includes('/style-mod/')) {
        const only = '!root.head && root.adoptedStyleSheets'
        if (!code.includes(only)) throw new Error(`${id} has changed: look at how it makes styles`)
        return { code: code.replace(only, 'root.adoptedStyleSheets'), map: null }
      }
      const xterm = id.includes('@xterm/xterm/lib/')
      if (!xterm && !/react-style-singleton\/dist\/.*singleton\.js/.test(id)) return
      if (!code.match(element) || (xterm && !code.match(attribute))) {
        throw new Error(`${id} has changed: look at how it makes styles`)
      }
      return {
        code: code
          .replace(element, 'createElement("warren-style")')
          .replace(attribute, 'Reflect.set($1.style,"cssText",'),
        map: null,
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), tailwindcss(), stylesByCssom()],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // A font or picture as a data: URI would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // The first page names every file that a later one needs: a shorter hash tells two builds apart as well.
        entryFileNames: 'assets/[name]-[hash:7].js',
        assetFileNames: 'assets/[name]-[hash:7][extname]',
        // Texts are told from code: scripts/size-budget.mjs counts one language of them.
        chunkFileNames: ({ facadeModuleId }) => {
          const [, language, namespace] = /\/i18n\/(\w+)\/(\w+)\.json$/.exec(facadeModuleId ?? '') ?? []
          return namespace ? `assets/text-${language}-${namespace}-[hash:7].js` : 'assets/[name]-[hash:7].js'
        },
      },
    },
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
    setupFiles: ['src/i18n/english.ts'],
  },
})
