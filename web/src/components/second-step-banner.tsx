import { useQuery } from '@tanstack/react-query'
import { Link, useMatchRoute } from '@tanstack/react-router'
import { sessionQuery } from '~/api/queries'
import { texts } from '~/i18n/texts'
import { Banner } from '~/ui/badge'
import { buttonClass } from '~/ui/button'

const t = texts('shell')

/** A role was given that waits for a second step at sign-in; the account page says so itself. */
export function SecondStepBanner() {
  const session = useQuery(sessionQuery)
  const match = useMatchRoute()
  if (session.data?.second_factor_wanted_by !== 'role' || match({ to: '/account' })) return null
  return (
    <div className="px-6 pt-3 max-sm:px-3">
      <Banner
        family="stop"
        shape="suspended"
        title={t('second_step.title')}
        actions={
          <Link to="/account" className={buttonClass('secondary', 'sm', false)}>
            {t('second_step.set_up')}
          </Link>
        }
      />
    </div>
  )
}
