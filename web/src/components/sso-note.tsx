import { Banner } from '~/ui/badge'
import { type SsoCode, ssoRefusal } from '~/util/sso'

/** What came of a way through a provider that ended here again without success. */
export function SsoNote({ code }: { code: SsoCode }) {
  const { family, title, text } = ssoRefusal(code)
  return (
    <div role="alert">
      <Banner
        family={family}
        shape={code === 'account_suspended' ? 'suspended' : family === 'warn' ? 'look' : 'error'}
        title={title}
      >
        {text}
      </Banner>
    </div>
  )
}
