"""What the request of a report must say."""

from django import forms

from app.accounts.fields import WholeNumber


class ReportForm(forms.Form):
    days = WholeNumber(min_value=1, max_value=366)
