"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView


class SignInForm(AuthenticationForm):
    """Name and password; says one and the same of a wrong name and a wrong password."""

    error_messages = {
        "invalid_login": "用户名或密码不对。连续输错五次，将锁定十五分钟。",
        "inactive": "用户名或密码不对。连续输错五次，将锁定十五分钟。",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "用户名"
        self.fields["username"].error_messages = {"required": "请填写用户名"}
        self.fields["password"].label = "密码"
        self.fields["password"].error_messages = {"required": "请填写密码"}
        del self.fields["username"].widget.attrs["autofocus"]


class SignIn(LoginView):
    """The door for officers; who is inside already goes on to where they wanted."""

    template_name = "web/sign_in.html"
    form_class = SignInForm
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """Ends the session; only a POST does it."""

    http_method_names = ["post", "options"]
