"""
The HTTP application: the journeys, registered in the order a user meets them.

Chalice finds `app` here, for `chalice local` and on Lambda.
"""

from __future__ import annotations

import gc
import os

# What is made at the start stays. To look for garbage meanwhile would only make the start longer.
gc.disable()

from chalice.app import Chalice

from chalicelib.bootstrap import Services, build_services
from chalicelib.enrolment.routes import enrolment_routes
from chalicelib.help_desk.routes import help_desk_routes
from chalicelib.manage.routes import management_routes
from chalicelib.portals.routes import portal_routes
from chalicelib.recovery.routes import recovery_routes
from chalicelib.settings import Settings
from chalicelib.sign_in.routes import sign_in_routes
from chalicelib.verification.routes import verification_routes


def create_app(services: Services) -> Chalice:
    """Return the application over *services*; calls nothing."""
    gate = services.gate
    # Chalice's own log would write whole tracebacks, messages included.
    app = Chalice("tvasteg", configure_logs=False)
    app.register_blueprint(
        sign_in_routes(gate, services.sign_in, services.hand_off, services.remembered_tenants)
    )
    app.register_blueprint(enrolment_routes(gate, services.enrolment))
    app.register_blueprint(recovery_routes(gate, services.recovery))
    app.register_blueprint(verification_routes(gate, services.verification))
    app.register_blueprint(management_routes(gate, services.management))
    app.register_blueprint(help_desk_routes(gate, services.help_desk))
    app.register_blueprint(portal_routes(gate, services.portals))
    return app


if os.environ.get("STAGE") == "local":
    from chalicelib.local.stage import local_app

    app = local_app(create_app)
else:
    on_lambda = "AWS_LAMBDA_RUNTIME_API" in os.environ  # and not merely imported, as `chalice package` does
    app = create_app(build_services(Settings.from_env(), connected=on_lambda))

gc.freeze()  # nor need any later collection look through it
gc.enable()
