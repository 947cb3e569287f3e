"""A class's trails as one page: how often each answer was given, beside the truth."""
