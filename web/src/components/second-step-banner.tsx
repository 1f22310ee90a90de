import { useQuery } from '@tanstack/react-query'
import { Link, useMatchRoute } from '@tanstack/react-router'
import { sessionQuery } from '~/api/queries'
import { Banner } from '~/ui/badge'
import { buttonClass } from '~/ui/button'

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
        title="You were given a role that counts once two-step sign-in is set up."
        actions={
          <Link to="/account" className={buttonClass('secondary', 'sm', false)}>
            Set it up
          </Link>
        }
      />
    </div>
  )
}
